package whodid_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/whodid/whodid"
)

func TestSavedView(t *testing.T) {
	t.Parallel()
	good := whodid.SavedView{Owner: "human:p1", Name: "failed, of late · größer", Query: "q=status%3Afailed&since=7d&until=1d&cols=cost&cols=why"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*whodid.SavedView){
		"nobody's":            func(v *whodid.SavedView) { v.Owner = "" },
		"no name":             func(v *whodid.SavedView) { v.Name = "" },
		"a blank name":        func(v *whodid.SavedView) { v.Name = " x" },
		"a long name":         func(v *whodid.SavedView) { v.Name = strings.Repeat("ö", 61) },
		"a name of two lines": func(v *whodid.SavedView) { v.Name = "a\nb" },
		"a name turned round": func(v *whodid.SavedView) { v.Name = "a\u202eb" },
		"a name of no text":   func(v *whodid.SavedView) { v.Name = "a\xff" },
		"a long question":     func(v *whodid.SavedView) { v.Query = "q=" + strings.Repeat("x", 2<<10) },
		"no question":         func(v *whodid.SavedView) { v.Query = "q=%zz" },
		"another form":        func(v *whodid.SavedView) { v.Query = "q=x&format=json" },
	} {
		v := good
		change(&v)
		if err := v.Validate(); !errors.Is(err, whodid.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
