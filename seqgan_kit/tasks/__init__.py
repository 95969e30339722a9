"""Tasks that do not depend on each other, here one after the other or on a cluster."""
