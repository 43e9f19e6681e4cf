package whodid

// reconcileKinds are what comparing the trail with what agents do not control
// gave.
func reconcileKinds() []Kind {
	return []Kind{{
		Name: "reconcile.result", Meaning: "The trail was compared with what agents do not control: git, forges, telemetry, files of sessions, bills.",
		Class: ClassPermanent,
		Fields: []Field{
			{"from", String, Technical, "Since when it was compared (RFC 3339, UTC)."},
			{"until", String, Technical, "Up to when (RFC 3339, UTC)."},
			{"sources", List, Technical, "What was compared, as source=explained/total."},
			{"unchecked", List, Technical, "What could not be compared, by source."},
			{"coverage", String, Technical, "The lowest coverage of the sources, in per cent; absent if nothing was compared."},
			{"unexplained", Int, Technical, "How many things the trail does not explain."},
		},
	}}
}
