//! Stories that cross services
