"""What tests are made of: servers, and processes that may be killed."""
