"""HTTP service: requests of clients, their limits, and the processes that read and generate."""
