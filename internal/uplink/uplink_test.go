package uplink_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/uplink"
	"github.com/whodid/whodid/proof"
)

// laptop is a trail of its own that is sent to a server.
type laptop struct {
	t     *testing.T
	store *store.Store
	book  *storetest.Book
	world *apitest.World
	dir   string
}

const laptopOrg = "default"

func newLaptop(t *testing.T, w *apitest.World) *laptop {
	t.Helper()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "laptop.db"))
	return &laptop{t: t, store: s, book: storetest.NewBook(t, s, laptopOrg), world: w, dir: t.TempDir()}
}

// work records n actions of one run.
func (l *laptop) work(run string, n int) {
	l.t.Helper()
	events := []whodid.Event{{
		Key: "start/" + run, Actor: "agent:eng/solver", OnBehalfOf: "human:plaptop", What: "execution.start", Execution: run, Source: "cli",
		At: storetest.Epoch, Data: whodid.Data{"trigger": "manual"},
	}}
	for i := range n {
		events = append(events, whodid.Event{
			Key: fmt.Sprintf("claude-code/%s/%d", run, i), Actor: "agent:eng/solver", What: "file.write", Target: fmt.Sprintf("src/%d.go", i),
			Execution: run, Source: "hook:claude-code", Result: whodid.ResultSuccess, At: storetest.Epoch.Add(time.Duration(i) * time.Second),
			Data: whodid.Data{"tool": "Write"},
		})
	}
	l.book.Append(l.t, events...)
}

func (l *laptop) open(token string, change func(*uplink.Options)) (*uplink.Uplink, error) {
	l.t.Helper()
	c, err := client.New(l.world.URL, client.Options{Token: token, MinWait: time.Millisecond})
	if err != nil {
		l.t.Fatal(err)
	}
	o := uplink.Options{Trail: l.store, Org: laptopOrg, Server: c, Dir: l.dir, Person: "human:plaptop", Now: time.Now}
	if change != nil {
		change(&o)
	}
	return uplink.Open(l.t.Context(), o)
}

func (l *laptop) send(token string) uplink.Sent {
	l.t.Helper()
	u, err := l.open(token, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	sent, err := u.Send(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return sent
}

func (l *laptop) verify() *uplink.Verified {
	l.t.Helper()
	u, err := l.open("recorder", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	v, err := u.Verify(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// TestSend sends a trail in parts, again, and after it grew; both trails hold,
// and the receipts prove all of it.
func TestSend(t *testing.T) {
	t.Parallel()
	apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) {
		l := newLaptop(t, w)
		l.work("exec-a", 2300)
		sent := l.send("recorder")
		if sent.Events != 2301 || sent.New != 2301 || sent.Refused != 0 || sent.Differing != 0 || sent.Next != 2301 {
			t.Errorf("sent %+v", sent)
		}
		if sent = l.send("recorder"); sent.Events != 0 || sent.Next != 2301 {
			t.Errorf("sent again %+v", sent)
		}
		l.work("exec-b", 3)
		if sent = l.send("recorder"); sent.Events != 4 || sent.New != 4 {
			t.Errorf("sent %+v when 4 more were there", sent)
		}
		v := l.verify()
		if v.Proved != 2305 || v.Waiting != 0 || v.Receipts != 4 || len(v.Problems) != 0 {
			t.Errorf("receipts prove %+v", v)
		}
		ours, theirs := storetest.Check(t, l.store, laptopOrg), storetest.Check(t, w.Store, apitest.Org)
		keys := map[string]bool{}
		parts := 0
		for i := range theirs {
			keys[theirs[i].Key] = true
			if theirs[i].What == "record.sync" {
				parts++
			}
		}
		for i := range ours {
			if !keys[ours[i].Key] {
				t.Fatalf("the server lacks event %d, %s", i, ours[i].Key)
			}
		}
		if len(theirs) != len(ours)+parts || parts != 4 {
			t.Errorf("the server has %d events, %d of them of parts; the laptop has %d", len(theirs), parts, len(ours))
		}
		if e := theirs[1]; e.Source != "hook:claude-code" || e.Target != "src/0.go" || e.Actor != "agent:eng/solver" || e.ID == ours[1].ID {
			t.Errorf("on the server the event is %+v", e.Event)
		}
		if who := theirs[0].OnBehalfOf; !strings.HasPrefix(who, "human:p") || who == "human:plaptop" {
			t.Errorf("the laptop's user is known as %q", who)
		}
	})
}

// TestToldByOthers sends what the server was told by somebody else already.
func TestToldByOthers(t *testing.T) {
	t.Parallel()
	apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) {
		l := newLaptop(t, w)
		l.work("exec-a", 5)
		c, err := client.New(w.URL, client.Options{Token: "recorder"})
		if err != nil {
			t.Fatal(err)
		}
		at := storetest.Epoch
		if _, err := c.RecordEvents(t.Context(), client.NewEvent{
			Key: "claude-code/exec-a/3", Actor: "agent:eng/solver", What: "file.write", Target: "src/3.go", Result: whodid.ResultSuccess, At: &at,
		}, client.NewEvent{What: "report.send", Result: whodid.ResultSuccess}); err != nil {
			t.Fatal(err)
		}
		if sent := l.send("recorder"); sent.Events != 6 || sent.New != 5 {
			t.Errorf("sent %+v", sent)
		}
		if v := l.verify(); v.Proved != 6 || len(v.Problems) != 0 {
			t.Errorf("receipts prove %+v", v)
		}
		storetest.Check(t, w.Store, apitest.Org)
	})
}

// TestPerson sends with the credential of a person, who then stands behind what
// the laptop's own user had done.
func TestPerson(t *testing.T) {
	t.Parallel()
	apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) {
		l := newLaptop(t, w)
		l.work("exec-a", 0)
		l.book.Append(t, whodid.Event{Key: "k/other", Actor: "human:pguest", What: "report.send", Result: whodid.ResultSuccess, Source: "cli", At: storetest.Epoch},
			whodid.Event{Key: "k/own", Actor: "human:plaptop", What: "report.send", Result: whodid.ResultSuccess, Source: "cli", At: storetest.Epoch})
		l.send("admin")
		got := map[string]string{}
		for _, r := range storetest.Check(t, w.Store, apitest.Org) {
			got[r.Key] = r.Actor + "|" + r.OnBehalfOf
		}
		if got["start/exec-a"] != "agent:eng/solver|human:padmin" || got["k/own"] != "human:padmin|" {
			t.Errorf("the laptop's user is %+v", got)
		}
		if who := got["k/other"]; who == "human:pguest|" || !strings.HasPrefix(who, "human:p") {
			t.Errorf("a guest of the laptop is %q", who)
		}
	})
}

// TestRefused sends what the credential may not tell, and what is of the
// laptop's trail alone.
func TestRefused(t *testing.T) {
	t.Parallel()
	apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) {
		l := newLaptop(t, w)
		l.work("exec-a", 2)
		l.book.Append(t,
			whodid.Event{Key: "k/1", Actor: "agent:ops/backup", What: "report.send", Result: whodid.ResultSuccess, Source: "cli", At: storetest.Epoch},
			whodid.Event{Key: "k/2", Actor: whodid.System, What: "checkpoint.witness", Source: "cli", At: storetest.Epoch},
		)
		sent := l.send("bound") // to eng/solver
		if sent.Events != 4 || sent.New != 3 || sent.Refused != 1 || sent.Skipped != 1 {
			t.Errorf("sent %+v", sent)
		}
		if v := l.verify(); v.Proved != 3 || v.Refused != 1 || v.Skipped != 1 || len(v.Problems) != 0 {
			t.Errorf("receipts prove %+v", v)
		}
		gaps := 0
		for _, r := range storetest.Check(t, w.Store, apitest.Org) {
			if r.What == "record.gap" {
				gaps++
			}
			if r.What == "checkpoint.witness" || r.Actor == "agent:ops/backup" {
				t.Errorf("the server took %s of %s", r.What, r.Actor)
			}
		}
		if gaps != 1 {
			t.Errorf("%d gaps, want 1", gaps)
		}
	})
}

// liar changes what the server answers.
type liar struct {
	honest uplink.Server
	change func(*client.SyncAnswer)
}

func (l liar) Server() string { return l.honest.Server() }

func (l liar) Sync(ctx context.Context, b *client.SyncBatch) (*client.SyncAnswer, error) {
	a, err := l.honest.Sync(ctx, b)
	if err == nil {
		l.change(a)
	}
	return a, err
}

// TestLies has a server that does not prove what it says: nothing counts as
// sent.
func TestLies(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "server.db"))
	for name, change := range map[string]func(*client.SyncAnswer){
		"another key":    func(a *client.SyncAnswer) { a.Receipt.PublicKey = "whodid/x+00000000+AAAA" },
		"no leaves":      func(a *client.SyncAnswer) { a.Receipt.Ranges = nil },
		"another place":  func(a *client.SyncAnswer) { a.Entries[1].Seq++ },
		"a leaf is left": func(a *client.SyncAnswer) { a.Entries = a.Entries[1:] },
		"another leaf": func(a *client.SyncAnswer) {
			g := &a.Receipt.Ranges[0]
			g.Leaves[0] = strings.Replace(g.Leaves[0], "exec-", "exec_", 1)
		},
		"swapped":        func(a *client.SyncAnswer) { a.Entries[0].Seq, a.Entries[1].Seq = a.Entries[1].Seq, a.Entries[0].Seq },
		"an older log":   func(a *client.SyncAnswer) { a.Receipt.Consistency = []proof.Hash{{1}} },
		"no salt":        func(a *client.SyncAnswer) { a.Entries[0].Salt = "" },
		"another format": func(a *client.SyncAnswer) { a.Receipt.Format = "x" },
		"another origin": func(a *client.SyncAnswer) { a.Receipt.Origin = "x" },
		"another root": func(a *client.SyncAnswer) {
			a.Receipt.Checkpoint = strings.Replace(a.Receipt.Checkpoint, "\n", "\n1", 1)
		},
		"a shifted proof":  func(a *client.SyncAnswer) { a.Receipt.Ranges[0].First++ },
		"everything empty": func(a *client.SyncAnswer) { *a = client.SyncAnswer{} },
	} {
		l := newLaptop(t, w)
		l.work("exec-"+strings.ReplaceAll(name, " ", ""), 3)
		u, err := l.open("recorder", func(o *uplink.Options) { o.Server = liar{o.Server, change} })
		if err != nil {
			t.Fatal(err)
		}
		if sent, err := u.Send(t.Context()); !errors.Is(err, uplink.ErrReceipt) || sent.Next != 0 {
			t.Errorf("%s: %v, sent %+v", name, err, sent)
		}
		if sent := l.send("recorder"); sent.Events != 4 || sent.New != 0 {
			t.Errorf("%s: then sent %+v", name, sent)
		}
	}
}

// TestRestored finds that the server was put back to an older copy of itself,
// and that another server answers in its place.
func TestRestored(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "server.db"))
	l := newLaptop(t, w)
	l.work("exec-a", 3)
	l.send("recorder")
	l.work("exec-b", 3)
	u, err := l.open("other", nil) // the log of another organisation
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Send(t.Context()); err == nil {
		t.Error("another log was taken for the one that was seen")
	}
	if _, err := l.open("recorder", func(o *uplink.Options) { o.Key = "another" }); !errors.Is(err, uplink.ErrReceipt) {
		t.Errorf("another key is taken in place of the known one: %v", err)
	}
	// The laptop's own trail put back: fewer events than were sent.
	l.send("recorder")
	shorter := newLaptop(t, w)
	shorter.dir = l.dir
	shorter.work("exec-a", 1)
	if u, err = shorter.open("recorder", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Send(t.Context()); !errors.Is(err, uplink.ErrCutShort) {
		t.Errorf("a trail that was put back is sent on: %v", err)
	}
}

// TestDamagedReceipts has receipts that are changed or gone.
func TestDamagedReceipts(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "server.db"))
	l := newLaptop(t, w)
	for i := range 3 {
		l.work(fmt.Sprintf("exec-%d", i), 3)
		l.send("recorder")
	}
	files, err := filepath.Glob(filepath.Join(l.dir, "*", "*.receipt.json.gz"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d receipts, %v", len(files), err)
	}
	slices.Sort(files)
	if v := l.verify(); len(v.Problems) != 0 || v.Proved != 12 {
		t.Fatalf("before: %+v", v)
	}
	if err := os.WriteFile(files[2], []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[1]); err != nil {
		t.Fatal(err)
	}
	v := l.verify()
	if len(v.Problems) != 9 || v.Proved != 4 { // one file, and the eight events of both
		t.Errorf("%d problems, %d proved: %q", len(v.Problems), v.Proved, v.Problems)
	}
}
