package whodid

// reviewKinds are what people say of what agents did.
func reviewKinds() []Kind {
	return []Kind{{
		Name: "review.sign", Meaning: "A person has looked at what agents did up to a moment, and signs off on it; why is the note.",
		Class: ClassPermanent,
		Fields: []Field{
			{"from", String, Technical, "Since when it was looked at (RFC 3339, UTC)."},
			{"until", String, Technical, "Up to when (RFC 3339, UTC)."},
			{"found", Int, Technical, "How many things needed eyes."},
			{"kinds", List, Technical, "How many of each kind, as kind=count."},
		},
	}}
}
