"""Access lines: what ztunnels, waypoints and gateways write of each connection or request, and what it means."""
