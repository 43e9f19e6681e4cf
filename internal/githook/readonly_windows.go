package githook

// isReadOnly reports whether an error comes from a file system that can only be
// read. Windows tells it as a lack of permission.
func isReadOnly(error) bool { return false }
