"""Stock: what is there, who has it reserved, and the sales that sell it to the limit and never past it."""
