"""Who may do what, and how often: users, sign-ins, rates, the audit trail and what stands before every page."""
