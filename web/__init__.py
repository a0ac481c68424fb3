"""What people see: pages, live streams and the HTTP side of the box."""
