package whodid

import "time"

// PrivacyDue is the last moment at which a request about personal data that was
// received at a time is answered in time: the end of the same day of the next month,
// or of its last day if it has no such day (GDPR article 12(3)).
func PrivacyDue(received time.Time) time.Time {
	y, m, d := received.Date()
	last := time.Date(y, m+2, 0, 0, 0, 0, 0, received.Location()).Day()
	return EndOfDay(time.Date(y, m+1, min(d, last), 0, 0, 0, 0, received.Location()))
}

// EndOfDay is the last second of a moment's day.
func EndOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, t.Location())
}
