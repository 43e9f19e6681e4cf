package page_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestPagesOfTheFrame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 12)
	for _, path := range []string{"/executions", "/executions?since=all&q=status:failed", "/executions/" + runID(3)} {
		a := w.get(t, "reader", path)
		if a.Code != http.StatusOK || !strings.Contains(a.Body.String(), "</html>") {
			t.Errorf("%s: %d\n%.600s", path, a.Code, a.Body)
		}
	}
}
