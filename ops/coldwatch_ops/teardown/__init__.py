"""Taking a stack away whole: what deleting it would leave behind, removing that too, and proving it."""
