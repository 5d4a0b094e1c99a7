"""A flash sale: a queue that Redis keeps, claims that MySQL decides, and the steps the operator takes it through."""
