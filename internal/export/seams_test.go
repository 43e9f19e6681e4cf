package export

// SetOutside lets an export show the leaves of so many entries of another time.
func SetOutside(o *Options, n uint64) { o.shown = n }
