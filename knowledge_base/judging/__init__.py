"""What a whole knowledge base says of one patient: its program, carried out once for a case or an outlook."""
