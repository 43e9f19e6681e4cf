package whodid

// syncKinds are about trails that send their events to another.
func syncKinds() []Kind {
	return []Kind{{
		Name: "record.sync", Meaning: "A part of another trail was taken in; its events stand before this one, under the keys that they have there.",
		Class: ClassPermanent,
		Fields: []Field{
			{"origin", String, Technical, "Name of the other trail's log."},
			{"first", Int, Technical, "Index of the part's first event in that log."},
			{"last", Int, Technical, "Index of its last event there."},
			{"count", Int, Technical, "How many events were sent."},
			{"refused", Int, Technical, "How many of them could not be taken in."},
		},
	}}
}
