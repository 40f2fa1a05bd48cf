"""Who may reach whom: policies, the path from A to B, denials."""
