package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

var update = flag.Bool("update", false, "write the test vectors again")

// checkVectors compares a file of vectors with what this package makes.
func checkVectors(t *testing.T, name string, vectors any) {
	t.Helper()
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(vectors); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "vectors", name)
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what this package makes; a published format may not change. If it must: go test ./proof -update", file)
	}
}

type leafVector struct {
	Name        string                      `json:"name"`
	Event       whodid.Event                `json:"event"`
	Salt        string                      `json:"salt"`
	FieldKeys   map[string]proof.FieldKey   `json:"field_keys"`
	Values      map[string]string           `json:"committed_values"`
	Commitments map[string]proof.Commitment `json:"commitments"`
	Leaf        string                      `json:"leaf"`
	Hash        proof.Hash                  `json:"hash"`
}

// vectorEvents are the events of the leaf vectors, by name.
func vectorEvents() []leafVector {
	full := merge()
	agent := full
	agent.Key, agent.Actor, agent.ActorAuth = "call-2", whodid.AgentActor("engineering/issue-solver"), "hook"
	small := whodid.Event{Org: "acme", Key: "gap-1", Actor: whodid.System, What: "record.gap", At: full.At, RecordedAt: full.RecordedAt, Source: "cli"}
	awkward := agent
	awkward.Key, awkward.Session = "call-3", "\"\\\b\f\n\r\t\x01\x1f\x7f/<é€😀\u2028>"
	awkward.Target, awkward.Why = "src/caf\u00e9 \u4e2d.go", "line one\nline two"
	awkward.Data = whodid.Data{"b": "\u0001", "a": []string{"", "x\"y"}, "A": int64(-1<<53 + 1), "c": true, "\u00e9": int64(0)}
	awkward.OnBehalfOf, awkward.OnBehalfAuth = "", "nobody is there to be authenticated"
	out := []leafVector{
		{Name: "a person, every field", Event: full},
		{Name: "an agent on behalf of a person", Event: agent},
		{Name: "as few fields as can be", Event: small},
		{Name: "text that is awkward in JSON", Event: awkward},
	}
	for i := range out {
		out[i].Event.Identify()
	}
	return out
}

func TestLeafVectors(t *testing.T) {
	t.Parallel()
	vectors, log := vectorEvents(), newTestLog(t)
	for i := range vectors {
		v := &vectors[i]
		salt := proof.Salt(bytes.Repeat([]byte{byte(i + 1)}, proof.SaltSize))
		leaf := leafOf(t, &v.Event, &salt)
		v.Salt, v.Leaf, v.Hash = hex.EncodeToString(salt[:]), string(leaf), proof.LeafHash(leaf)
		v.FieldKeys, v.Values, v.Commitments = map[string]proof.FieldKey{}, map[string]string{}, map[string]proof.Commitment{}
		b := log.bundle(t, proof.Record{Event: &v.Event, Data: v.Event.Data.Canonical(), Salt: &salt}, 0)
		for field, d := range b.Disclosed {
			v.FieldKeys[field], v.Values[field] = d.Key, d.Value
			v.Commitments[field] = d.Key.Commit([]byte(d.Value))
		}
	}
	checkVectors(t, "leaf.json", vectors)

	// The worked example of the specification is the second of them.
	document, err := os.ReadFile(filepath.Join("..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := vectors[1]
	says := []string{example.Salt, "\n" + example.Leaf + "\n", hex.EncodeToString(example.Hash[:])}
	for _, field := range slices.Sorted(maps.Keys(example.Commitments)) {
		key, commitment := example.FieldKeys[field], example.Commitments[field]
		says = append(says, fmt.Sprintf("| `%s` | `%s` | `%x…%x` | `%x` |", field, example.Values[field], key[:4], key[27:], commitment))
	}
	for _, each := range says {
		if !bytes.Contains(document, []byte(each)) {
			t.Errorf("docs/format.md does not say %q", each)
		}
	}
}

type treeVectors struct {
	Comment     string              `json:"comment"`
	Roots       []rootVector        `json:"roots"`
	Inclusion   []inclusionVector   `json:"inclusion"`
	Consistency []consistencyVector `json:"consistency"`
	Tiles       []tileVector        `json:"tiles"`
}

type rootVector struct {
	Size uint64     `json:"size"`
	Root proof.Hash `json:"root"`
}

type inclusionVector struct {
	Size  uint64       `json:"size"`
	Index uint64       `json:"index"`
	Path  []proof.Hash `json:"path"`
	Holds bool         `json:"holds"`
}

type consistencyVector struct {
	Older uint64       `json:"older"`
	Newer uint64       `json:"newer"`
	Path  []proof.Hash `json:"path"`
	Holds bool         `json:"holds"`
}

type tileVector struct {
	Size   uint64 `json:"size"`
	Level  int    `json:"level"`
	N      uint64 `json:"n"`
	Width  int    `json:"width"`
	SHA256 string `json:"sha256"`
}

func TestTreeVectors(t *testing.T) {
	t.Parallel()
	const largest = 256*256 + 257
	o := &oracle{}
	for i := range largest {
		o.add(t, []byte(strconv.Itoa(i)))
	}
	o.fillTiles(t)
	v := treeVectors{Comment: "The entry at index i is i in decimal ASCII digits."}
	sizes := []uint64{0, 1, 2, 3, 4, 5, 7, 8, 255, 256, 257, 511, 600, 256 * 256, largest}
	for _, size := range sizes {
		root, err := proof.Root(size, o.read(t, size))
		if err != nil {
			t.Fatal(err)
		}
		v.Roots = append(v.Roots, rootVector{size, root})
	}
	for _, c := range [][2]uint64{{1, 0}, {2, 0}, {2, 1}, {5, 4}, {7, 3}, {8, 7}, {256, 255}, {257, 256}, {257, 0}, {600, 511}, {largest, 256 * 256}, {largest, 1}} {
		path, err := proof.Inclusion(c[0], c[1], o.read(t, c[0]))
		if err != nil {
			t.Fatal(err)
		}
		v.Inclusion = append(v.Inclusion, inclusionVector{c[0], c[1], path, true})
	}
	for _, c := range [][2]uint64{{0, 5}, {5, 5}, {1, 2}, {3, 7}, {4, 7}, {7, 8}, {255, 256}, {256, 257}, {256, 600}, {511, 600}, {256 * 256, largest}, {600, largest}} {
		path, err := proof.Consistency(c[0], c[1], o.read(t, c[1]))
		if err != nil {
			t.Fatal(err)
		}
		v.Consistency = append(v.Consistency, consistencyVector{c[0], c[1], append([]proof.Hash{}, path...), true})
	}
	v.addNegative(t, o)
	for _, c := range []tileVector{{Size: 600, Level: 0, N: 1, Width: 256}, {Size: 600, Level: 0, N: 2, Width: 88}, {Size: 600, Level: 1, N: 0, Width: 2}, {Size: largest, Level: 2, N: 0, Width: 1}} {
		hashes, err := o.read(t, c.Size)(c.Level, c.N, c.Width)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		for _, h := range hashes {
			sum.Write(h[:])
		}
		c.SHA256 = hex.EncodeToString(sum.Sum(nil))
		v.Tiles = append(v.Tiles, c)
	}
	checkVectors(t, "tree.json", v)
}

// addNegative adds proofs that do not hold.
func (v *treeVectors) addNegative(t *testing.T, o *oracle) {
	t.Helper()
	path := v.Inclusion[4].Path // leaf 3 of 7
	for _, n := range []inclusionVector{
		{7, 2, path, false},
		{8, 3, path[:2], false},
		{7, 7, path, false},
		{7, 3, append(append([]proof.Hash{}, path...), proof.Hash{}), false},
		{7, 3, append([]proof.Hash{{}}, path[1:]...), false},
	} {
		if proof.CheckInclusion(n.Path, n.Size, o.root(t, n.Size), n.Index, o.leaves[n.Index]) == nil {
			t.Errorf("a negative vector holds: %+v", n)
		}
		v.Inclusion = append(v.Inclusion, n)
	}
	path = v.Consistency[3].Path // 3 to 7
	for _, n := range []consistencyVector{
		{4, 7, path, false},
		{3, 8, path, false},
		{3, 7, path[1:], false},
		{7, 3, path, false},
		{0, 7, path, false},
		{7, 7, path, false},
	} {
		if proof.CheckConsistency(n.Path, n.Older, o.root(t, n.Older), n.Newer, o.root(t, n.Newer)) == nil {
			t.Errorf("a negative vector holds: %+v", n)
		}
		v.Consistency = append(v.Consistency, n)
	}
}

// testKey is a signing key that anybody can see is none to trust: its seed is
// one byte, 32 times.
func testKey(t testing.TB, origin string, b byte) (signer *proof.Signer, public string) {
	t.Helper()
	seed := bytes.Repeat([]byte{b}, ed25519.SeedSize)
	pub := append([]byte{1}, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(origin+"\n"), pub...))
	name := fmt.Sprintf("%s+%08x+", origin, binary.BigEndian.Uint32(sum[:]))
	signer, err := proof.NewSigner("PRIVATE+KEY+" + name + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, name + base64.StdEncoding.EncodeToString(pub)
}

type checkpointVector struct {
	Name   string     `json:"name"`
	Key    string     `json:"key"`
	Signed string     `json:"signed"`
	Holds  bool       `json:"holds"`
	Size   uint64     `json:"size"`
	Root   proof.Hash `json:"root"`
}

func TestCheckpointVectors(t *testing.T) {
	t.Parallel()
	signer, key := testKey(t, "test.invalid/log", 1)
	_, namesake := testKey(t, "test.invalid/log", 2)
	_, other := testKey(t, "test.invalid/other", 1)
	sign := func(c proof.Checkpoint) string {
		signed, err := signer.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	c := proof.Checkpoint{Origin: "test.invalid/log", Size: 7, Root: proof.Hash(tlog.RecordHash([]byte("root")))}
	signed := sign(c)
	foreign := c
	foreign.Origin = "test.invalid/other"
	vectors := []checkpointVector{
		{Name: "good", Key: key, Signed: signed, Holds: true},
		{Name: "the empty log", Key: key, Signed: sign(proof.Checkpoint{Origin: c.Origin, Root: proof.EmptyRoot()}), Holds: true},
		{Name: "another key of that name", Key: namesake, Signed: signed},
		{Name: "key of another log", Key: other, Signed: signed},
		{Name: "checkpoint of another log", Key: key, Signed: sign(foreign)},
		{Name: "edited size", Key: key, Signed: string(bytes.Replace([]byte(signed), []byte("\n7\n"), []byte("\n8\n"), 1))},
		{Name: "size with a leading zero", Key: key, Signed: string(bytes.Replace([]byte(signed), []byte("\n7\n"), []byte("\n07\n"), 1))},
		{Name: "no signature", Key: key, Signed: c.String() + "\n"},
		{Name: "not a note", Key: key, Signed: c.String()},
	}
	for i := range vectors {
		v := &vectors[i]
		got, err := proof.OpenCheckpoint(v.Signed, v.Key)
		if (err == nil) != v.Holds {
			t.Errorf("%s: %v", v.Name, err)
		}
		v.Size, v.Root = got.Size, got.Root
	}
	checkVectors(t, "checkpoint.json", vectors)
}

// TestVectorsHoldElsewhere has a script check every vector that shares no code
// with this package: the specification can be implemented.
func TestVectorsHoldElsewhere(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js here to run the other implementation")
	}
	out, err := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "vectors", "check.mjs")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
