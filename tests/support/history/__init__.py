"""What shoppers did and were answered, the tables they left behind, and the rules between the two."""
