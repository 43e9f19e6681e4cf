package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// TestMissing takes rows away as somebody would who owns the database, and finds
// which.
func TestMissing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		storetest.NewBook(t, s, "a").Append(t, storetest.Actions(0, 40)...)
		look := func(most int) ([]uint64, uint64, uint64) {
			t.Helper()
			n, err := s.Snapshot(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			places, missing, size, err := n.Missing(t.Context(), most)
			if err != nil {
				t.Fatal(err)
			}
			return places, missing, size
		}
		if places, missing, size := look(10); len(places) != 0 || missing != 0 || size != 40 {
			t.Fatalf("of a whole log: %v, %d of %d", places, missing, size)
		}
		db := storetest.Database(t, s.Location())
		var queries []string
		if s.Engine() == "sqlite" {
			queries = []string{`DROP TRIGGER event_is_kept`}
		} else {
			queries = []string{`SET session_replication_role = replica`}
		}
		db.SetMaxOpenConns(1)
		for _, q := range append(queries, `DELETE FROM event WHERE seq IN (0, 17, 18, 39)`) {
			if _, err := db.ExecContext(t.Context(), q); err != nil {
				t.Fatal(fmt.Errorf("%s: %w", q, err))
			}
		}
		if places, missing, _ := look(10); !slices.Equal(places, []uint64{0, 17, 18, 39}) || missing != 4 {
			t.Errorf("four rows are gone, and it finds %v, %d", places, missing)
		}
		if places, missing, _ := look(2); !slices.Equal(places, []uint64{0, 17}) || missing != 4 {
			t.Errorf("of two at most it lists %v, and counts %d", places, missing)
		}
	})
}
