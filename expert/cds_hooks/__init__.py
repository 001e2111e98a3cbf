"""The service that clinical systems call through CDS Hooks: requests in, cards out."""
