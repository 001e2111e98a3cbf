"""Reports as people get them: one page, the whole argument, leaflet, paper, languages, handbook."""
