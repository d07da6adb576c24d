"""HTTP adapters: every view parses the request, calls one service and renders the result."""
