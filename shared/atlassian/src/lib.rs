//! Typed client of the Organization API
