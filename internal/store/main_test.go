package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// childVariable makes the test program a process that a test may kill: it
// names what the process does, to the trail that its arguments describe.
const childVariable = "WHODID_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		if err := child(context.Background(), what, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childCommand is a process that does something to a trail.
func childCommand(ctx context.Context, what string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"="+what)
	return cmd
}

// child does what the process was started for.
func child(ctx context.Context, what string, args []string) error {
	switch what {
	case "full":
		return fillDisk(ctx, args[0])
	case "locked":
		return sayIfLocked(args[0])
	}
	address, private, public := args[0], args[1], args[2]
	location, err := place.Parse(address)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, location)
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	return appendForever(ctx, s, private, public, first)
}

// appendForever appends actions from a number on, in batches of many sizes,
// and prints the last number of each batch once it is acknowledged.
func appendForever(ctx context.Context, s *store.Store, private, public string, first int) error {
	l, err := ledger.Open(ctx, s, "default", private, public, storetest.Epoch)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for n := first; ; {
		size := 1 + n*7%23
		rows := make([]*store.Row, 0, size+3)
		// The last few come again, as a client sends what it has no answer to.
		for i := max(0, n-3); i < n+size; i++ {
			row, err := storetest.NewRow("default", storetest.Action(i))
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		if _, err := l.Append(ctx, rows); err != nil {
			return err
		}
		n += size
		fmt.Fprintln(out, n-1)
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
