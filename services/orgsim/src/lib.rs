//! A simulated organisation behind the Organization API
