"""The customer file (客户档案): people and companies with their numbers, marks and everything they brought."""
