package whodid_test

import (
	"testing"
	"time"

	"github.com/whodid/whodid"
)

func TestPrivacyDue(t *testing.T) {
	t.Parallel()
	for received, want := range map[string]string{
		"2026-11-03T10:00:00+01:00": "2026-12-03T23:59:59+01:00",
		"2026-12-31T23:59:00Z":      "2027-01-31T23:59:59Z",
		"2027-01-31T00:00:00Z":      "2027-02-28T23:59:59Z",
		"2028-01-30T00:00:00Z":      "2028-02-29T23:59:59Z",
		"2026-08-31T12:00:00Z":      "2026-09-30T23:59:59Z",
	} {
		at, err := time.Parse(time.RFC3339, received)
		if err != nil {
			t.Fatal(err)
		}
		if got := whodid.PrivacyDue(at).Format(time.RFC3339); got != want {
			t.Errorf("received %s, due %s, not %s", received, got, want)
		}
	}
}
