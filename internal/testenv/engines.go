package testenv

import (
	"path/filepath"
	"testing"
)

// OnBothEngines runs a test for each engine that keeps trails, "sqlite" and
// "postgres".
func OnBothEngines(t *testing.T, test func(t *testing.T, engine string)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// Trail gives the address of a trail that is not there yet, on an engine.
func Trail(t testing.TB, engine string) string {
	t.Helper()
	if engine == "postgres" {
		return Postgres(t)
	}
	return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "trail.db"))
}
