package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/server"
)

// Who is told to come again must have a reason to: what waits will have been
// written, and what the database refused it will refuse again.
func TestWhatTheRecorderSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err   error
		want  int
		again bool
	}{
		{fmt.Errorf("couldn't: %w", record.ErrBusy), http.StatusServiceUnavailable, true},
		{fmt.Errorf("couldn't: %w", record.ErrRefused), http.StatusInternalServerError, false},
		{errors.New("the database is down"), http.StatusServiceUnavailable, true},
	} {
		w := httptest.NewRecorder()
		server.WriteError(w, test.err)
		if again := w.Header().Get("Retry-After") != ""; w.Code != test.want || again != test.again {
			t.Errorf("%v: status %d, come again %v", test.err, w.Code, again)
		}
	}
}
