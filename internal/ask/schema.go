package ask

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed schema
var schemaFiles embed.FS

const schemaDir = "schema"

// Schemas lists the names of the JSON answers that have a schema, sorted. The
// name is that of the command, such as "exec-show".
func Schemas() []string {
	entries, err := schemaFiles.ReadDir(schemaDir)
	if err != nil {
		return nil // the folder is a part of the program
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Schema returns the JSON Schema (draft 2020-12) of an answer, and whether
// there is one of that name. Fields are only ever added to an answer, so that
// the schema allows more than it lists.
func Schema(name string) ([]byte, bool) {
	if !slices.Contains(Schemas(), name) {
		return nil, false
	}
	b, err := schemaFiles.ReadFile(path.Join(schemaDir, name+".json"))
	return b, err == nil
}
