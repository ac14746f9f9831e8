"""The actors that come with the kernel, one a file."""
