"""The parts that tests share: servers, processes that may be killed, random flows, a virtual clock."""
