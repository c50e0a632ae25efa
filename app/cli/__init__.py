"""Commands for operators: they parse, call one service and print."""
