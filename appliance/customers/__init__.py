"""The customer file (客户档案): people and companies, their numbers and all they brought."""
