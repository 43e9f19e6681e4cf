package dossier_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/proof/dossier"
)

type hostileArchive struct {
	name    string
	archive []byte
}

// pack makes an archive of files by hand, in their order.
func pack(t testing.TB, method uint16, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h, err := w.CreateHeader(&zip.FileHeader{Name: f[0], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unpacked are the files of a good archive.
func unpacked(t testing.TB, d *dossier.Dossier) [][2]string {
	t.Helper()
	archive, err := d.Archive(dossier.Stored)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var content bytes.Buffer
		if _, err := content.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]string{f.Name, content.String()})
	}
	return out
}

// hostileArchives are archives that must be refused, made of a good dossier.
func hostileArchives(t testing.TB, d *dossier.Dossier) []hostileArchive {
	t.Helper()
	files := unpacked(t, d)
	with := func(more ...[2]string) []byte {
		return pack(t, zip.Deflate, append(append([][2]string{}, files...), more...)...)
	}
	without := func(name string) []byte {
		var kept [][2]string
		for _, f := range files {
			if f[0] != name {
				kept = append(kept, f)
			}
		}
		return pack(t, zip.Deflate, kept...)
	}
	replace := func(name, old, new string) []byte {
		var changed [][2]string
		for _, f := range files {
			if f[0] == name {
				if !strings.Contains(f[1], old) {
					t.Fatalf("%s has no %s", name, old)
				}
				f[1] = strings.Replace(f[1], old, new, 1)
			}
			changed = append(changed, f)
		}
		return pack(t, zip.Deflate, changed...)
	}
	good := pack(t, zip.Deflate, files...)
	end := len(good) - 22
	patch := func(edit func(end []byte)) []byte {
		b := bytes.Clone(good)
		edit(b[end:])
		return b
	}
	many := make([][2]string, 0, 3000)
	for i := range cap(many) {
		many = append(many, [2]string{fmt.Sprintf("%d", i), ""})
	}
	return []hostileArchive{
		{"hostile path", with([2]string{"../../etc/passwd", "x"})},
		{"hostile absolute path", with([2]string{"/manifest.json", "x"})},
		{"hostile name", with([2]string{"MANIFEST.JSON", "x"})},
		{"hostile doubled name", with([2]string{"manifest.json", "{}"})},
		{"hostile missing manifest", without("manifest.json")},
		{"hostile missing checkpoint", without("checkpoint")},
		{"hostile format", replace("manifest.json", dossier.Format, "whodid-proof/99")},
		{"hostile index", replace("events.json", `"0": {`, `"00": {`)},
		{"hostile hash", replace("events.json", `"left": [`, `"left": ["zz",`)},
		{"hostile first", replace("events.json", `"first": 0`, `"first": -1`)},
		{"hostile text", replace("manifest.json", dossier.Format, "whodid-proof/1\xff")},
		{"hostile many files", pack(t, zip.Store, many...)},
		{"hostile bomb", pack(t, zip.Deflate, [2]string{"checkpoint", ""}, [2]string{"events.json", strings.Repeat(" ", dossier.MaxUnpacked+1)}, [2]string{"manifest.json", "{}"})},
		{"hostile small bomb", pack(t, zip.Deflate, [2]string{"checkpoint", strings.Repeat(" ", 1<<17)}, [2]string{"events.json", "{}"}, [2]string{"manifest.json", "{}"})},
		{"hostile count", patch(func(e []byte) {
			binary.LittleEndian.PutUint16(e[8:], 65535)
			binary.LittleEndian.PutUint16(e[10:], 65535)
		})},
		{"hostile directory", patch(func(e []byte) { binary.LittleEndian.PutUint32(e[16:], 1<<31) })},
		{"hostile disks", patch(func(e []byte) { binary.LittleEndian.PutUint16(e[4:], 1) })},
		{"hostile comment", append(patch(func(e []byte) { e[20] = 4 }), "text"...)},
		{"hostile prefix", append([]byte("#!/bin/sh\n"), good...)},
		{"hostile end", good[:len(good)-1]},
		{"hostile emptiness", nil},
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	l := newTrail(t, origin, 1, story())
	for _, h := range hostileArchives(t, l.dossier(run, nil)) {
		begun := time.Now()
		_, err := dossier.Parse(h.archive)
		if !errors.Is(err, dossier.ErrArchive) {
			t.Errorf("%s: got %v", h.name, err)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: the error has %d bytes", h.name, len(err.Error()))
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s took %v", h.name, took)
		}
	}
}

func TestArchiveIsTheSameAgain(t *testing.T) {
	t.Parallel()
	l := newTrail(t, origin, 1, story())
	for _, method := range []dossier.Method{dossier.Stored, dossier.Deflated} {
		first, err := l.dossier(run, nil).Archive(method)
		if err != nil {
			t.Fatal(err)
		}
		d, err := dossier.Parse(first)
		if err != nil {
			t.Fatal(err)
		}
		again, err := d.Archive(method)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Error("what was read and written again has other bytes")
		}
	}
}

func TestWithholdRefusesMisspeltFields(t *testing.T) {
	t.Parallel()
	d := newTrail(t, origin, 1, story()).dossier(run, nil)
	if err := d.Withhold("targets"); err == nil {
		t.Error("a misspelt field passes for a withheld one")
	}
	if err := d.Withhold("target"); err != nil {
		t.Fatal(err)
	}
	archive, err := d.Archive(dossier.Stored)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(archive, []byte("auth.go")) {
		t.Error("the archive shows a target that is withheld")
	}
}

func FuzzParse(f *testing.F) {
	l := newTrail(f, origin, 1, story())
	good, err := l.dossier(run, nil).Archive(dossier.Stored)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, h := range hostileArchives(f, l.dossier(run, nil)) {
		if len(h.archive) < 100_000 {
			f.Add(h.archive)
		}
	}
	trust, err := dossier.ParseTrust(nil, l.publicKey())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		d, err := dossier.Parse(archive)
		if err != nil {
			return
		}
		if r := dossier.Check(d, trust); r.Verdicts.Integrity.State == "refuted" && len(r.Events) > 0 {
			t.Error("it shows what it refutes")
		}
	})
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte(`{"keys":["` + newTrail(f, origin, 1, nil).publicKey() + `"],"witnesses":["` + witnessKey("w", 5) + `"]}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		_, _ = dossier.ParseTrust(text)
	})
}

func BenchmarkCheck(b *testing.B) {
	archive, err := newTrail(b, origin, 1, story()).dossier(run, nil).Archive(dossier.Deflated)
	if err != nil {
		b.Fatal(err)
	}
	trust, err := dossier.ParseTrust(nil, newTrail(b, origin, 1, nil).publicKey())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d, err := dossier.Parse(archive)
		if err != nil {
			b.Fatal(err)
		}
		if r := dossier.Check(d, trust); r.Verdicts.Integrity.State != "proved" {
			b.Fatal(r.Verdicts)
		}
	}
}
