"""The flows of files as tools: for MCP clients and over HTTP. Both run many flows in one process."""
