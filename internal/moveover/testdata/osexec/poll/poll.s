// An assembly file lets the package declare a function that is defined elsewhere.
