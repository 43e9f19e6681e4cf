package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ForgetBefore removes what hooks noted in the folder of sessions that nobody has
// gone on with since the moment. Which budgets are exceeded is no session's.
func ForgetBefore(folder string, moment time.Time) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("couldn't forget old sessions: %w", err)
	}
	var failed []error
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		info, err := e.Info()
		if err == nil && info.ModTime().Before(moment) && path != (calls{folder}).exceededFile() {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another may forget too
			failed = append(failed, fmt.Errorf("couldn't forget an old session: %w", err))
		}
	}
	return errors.Join(failed...)
}

// ForgetActions removes what hooks noted in the folder of a session's actions for
// budgets. They are digests of verb and target, which who has a guess can test.
// A session that goes on is counted from here; its other notes hold nothing that
// the leaves of its events don't.
func ForgetActions(folder, client, session string) error {
	if err := os.Remove(calls{folder}.tallyFile(client, session)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't forget the actions of a session: %w", err)
	}
	return nil
}
