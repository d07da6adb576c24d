"""Templates (layouts, components, pages) and static files of the service's pages."""
