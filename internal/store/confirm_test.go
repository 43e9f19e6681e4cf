package store_test

import (
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// TestConfirmationsInActions reads what forges said as a person does, with SQL.
func TestConfirmationsInActions(t *testing.T) {
	t.Parallel()
	onBoth(t, testConfirmationView)
}

func testConfirmationView(t *testing.T, s *store.Store) {
	storetest.NewBook(t, s, "default").Append(t,
		storetest.ParseClaim(t, 0, "pr.create acme/shop#1 success 0"), storetest.ParseClaim(t, 1, "pr.create acme/shop#2 success 0"),
		storetest.ParseClaim(t, 2, "pr.create acme/other#3 success 0"), storetest.ParseClaim(t, 3, "file.write a.go success 0"), storetest.ParseClaim(t, 4, "pr.merge acme/shop#5 success 0"),
		storetest.ParseClaim(t, 5, "forge.hook acme/shop - -9"), storetest.ParseClaim(t, 6, "forge.pr.create acme/shop#1 - 1"), storetest.ParseClaim(t, 7, "forge.pr.close acme/shop#5 - 1"))
	// The silence has lasted since the day of Epoch, by any real clock.
	var got []string
	const q = `SELECT target, COALESCE(confirmation, '-') FROM actions ORDER BY seq`
	eachRow(t, storetest.Database(t, s.Location()), q, func(target, state string) { got = append(got, target+" "+state) })
	want := "acme/shop#1 confirmed, acme/shop#2 unconfirmed, acme/other#3 -, a.go -, acme/shop#5 contradicted"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("the view says %s, want %s", text, want)
	}
}
