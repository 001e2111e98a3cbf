"""An assessment arranged for reading, before any format: the page, the whole argument, pictures, leaflet, verdict."""
