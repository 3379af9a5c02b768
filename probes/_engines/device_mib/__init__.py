"""What devices of many makers tell of themselves by SNMP, a module for each part of it."""
