package whodid_test

import (
	"testing"
	"time"

	"github.com/whodid/whodid"
)

func TestFormatTimeIsTheFormat(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0),
		time.Date(2026, 11, 28, 23, 59, 59, 999_999_999, time.FixedZone("", 5*3600)),
		time.Date(2024, 2, 29, 0, 0, 0, 1000, time.UTC),
		time.Date(2199, 12, 31, 12, 34, 56, 78_900, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, want := whodid.FormatTime(at), at.UTC().Format(whodid.TimeFormat); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
