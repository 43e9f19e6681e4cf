package shell

import (
	"path"
	"strings"
)

// testAct reads the runners of tests. Their exit status is the result.
func testAct(c *call) *draft {
	sub, ok := testRun(c)
	if !ok {
		return nil
	}
	return newDraft("test.run", subcommand(c.program, sub), sub).tidy()
}

// buildAct reads the tools that build.
func buildAct(c *call) *draft {
	sub, ok := buildRun(c)
	if !ok {
		return nil
	}
	return newDraft("build.run", subcommand(c.program, sub), sub).tidy()
}

// tidy drops the blank after a program without sub-command.
func (d *draft) tidy() *draft {
	d.act.Target = strings.TrimSpace(d.act.Target)
	return d
}

// testRun reports whether c runs tests, and with which sub-command.
func testRun(c *call) (sub string, ok bool) {
	args := c.args[1:]
	switch c.program {
	case "pytest", "py.test", "jest", "vitest", "mocha", "ava", "rspec", "phpunit", "pest", "tox", "nox", "ctest", "bats",
		"gotestsum", "ginkgo", "unittest", "nose2", "karma", "tap", "nextest", "cargo-nextest", "wtr":
		return "", !hasWord(args, "--version") && !hasWord(args, "--listTests") && !hasWord(args, "--collect-only")
	case "playwright", "cypress":
		return pickFirst(args, "test", "run", "component")
	case "go":
		sub, ok = pickFirst(args, "test")
		return sub, ok && !hasWord(args, "-list")
	case "cargo":
		if o := parseOptions(args, " --manifest-path -C --config "); o.operand(0) == "nextest" && o.operand(1) == "run" {
			return "nextest run", true
		}
		return pickFirst(args, "test", "t", "miri")
	case "npm", "pnpm", "yarn", "bun":
		return packageScript(c, isTestName, "test", "t", "tst")
	case "make", "gmake", "just", "task", "rake", "mage", "invoke", "nx", "turbo", "lerna", "moon":
		return target(c, isTestName)
	case "mvn", "mvnw", "gradle", "gradlew", "sbt", "lein", "ant", "bazel", "bazelisk", "buck", "pants", "mill":
		return target(c, isTestName)
	case "dotnet", "swift", "mix", "deno", "rails", "flutter", "dart", "zig", "stack", "cabal", "gleam", "forge", "hardhat", "anchor", "composer", "vite", "ng", "crystal", "elixir", "artisan":
		return pickFirst(args, "test", "build test")
	case "node":
		if hasWord(args, "--test") {
			return "--test", true
		}
		return "", isTestFile(parseOptions(args, " -r --require --import ").operand(0))
	case "manage.py":
		return pickFirst(args, "test")
	case "python", "python3", "coverage":
		if m := moduleOf(c.args); oneOf(m, "pytest", "unittest", "nose2", "doctest", "tox", "nox") {
			return "-m " + m, true
		}
		o := parseOptions(args, " -m -c -W -X ")
		if strings.HasSuffix(o.operand(0), "manage.py") && o.operand(1) == "test" {
			return "manage.py test", true
		}
		return "", !o.has("-c", "-m") && isTestFile(o.operand(0))
	case "ruby", "php", "perl", "tsx", "ts-node":
		return "", isTestFile(parseOptions(args, " -I -r -e ").operand(0))
	}
	// ./test.sh, ./run_tests.sh, ./test_x.py
	return "", strings.Contains(c.args[0], "/") && isStatic(c.args[0]) && (isTestFile(c.program) || oneOf(c.program, "test.sh", "tests.sh", "run_tests.sh", "run-tests.sh", "runtests.py"))
}

// buildRun reports whether c builds, and with which sub-command.
func buildRun(c *call) (sub string, ok bool) {
	args := c.args[1:]
	switch c.program {
	case "go":
		return pickFirst(args, "build", "install", "generate")
	case "cargo":
		return pickFirst(args, "build", "b", "install", "check", "c", "rustc")
	case "npm", "pnpm", "yarn", "bun":
		return packageScript(c, isBuildName, "build")
	case "make", "gmake":
		if o := parseOptions(args, makeFlags); len(makeTargets(o)) == 0 && !o.has("-n", "-v", "--version", "-p", "-q") {
			return "", true // the default target
		}
		return target(c, isBuildName)
	case "just", "task", "rake", "mage", "nx", "turbo", "lerna", "moon":
		return target(c, isBuildName)
	case "mvn", "mvnw", "gradle", "gradlew", "sbt", "lein", "ant", "bazel", "bazelisk", "buck", "pants", "mill":
		return target(c, isBuildName)
	case "docker", "podman":
		o := parseOptions(args, " -H --context --host --config -f --file -p --project-name ")
		switch {
		case o.operand(0) == "build":
			return "build", true
		case oneOf(o.operand(0), "buildx", "image", "compose") && oneOf(o.operand(1), "build", "bake"):
			return subcommand(o.operand(0), o.operand(1)), true
		}
	case "docker-compose", "dotnet", "swift", "zig", "stack", "cabal", "flutter", "vite", "next", "nuxt", "astro", "ng", "gleam", "forge", "poetry", "hatch", "uv", "wasm-pack", "gatsby", "remix", "buildah", "crystal", "nix", "pdm":
		return pickFirst(args, "build", "publish self-contained")
	case "mix", "elixir":
		return pickFirst(args, "compile", "release")
	case "tsc", "webpack", "rollup", "esbuild", "ninja", "xcodebuild", "nix-build", "swc", "goreleaser", "parcel", "kaniko", "meson", "scons":
		return "", !hasWord(args, "--version") && !hasWord(args, "-v")
	case "cmake":
		return "--build", hasWord(args, "--build")
	case "python", "python3":
		if moduleOf(c.args) == "build" {
			return "-m build", true
		}
	}
	return "", false
}

// pickFirst returns the first operand if it is one of names.
func pickFirst(args []string, names ...string) (string, bool) {
	first := parseOptions(args, " -C --cwd --dir --manifest-path --config --project --directory ").operand(0)
	return first, first != "" && oneOf(first, names...)
}

// packageScript reads "npm test", "npm run test:unit", "yarn build",
// "pnpm --filter web build". Only names of the closed pattern are told.
func packageScript(c *call, wanted func(string) bool, direct ...string) (string, bool) {
	o := parseOptions(c.args[1:], " --prefix -C --dir --filter -F --cwd -w --workspace ")
	words := o.operands
	if len(words) > 1 && words[0] == "workspace" {
		words = words[2:]
	}
	if len(words) > 0 && oneOf(words[0], "run", "run-script", "rum") {
		if len(words) > 1 && wanted(words[1]) {
			return "run " + taskName(words[1], wanted), true
		}
		return "", false
	}
	if len(words) == 0 {
		return "", false
	}
	if oneOf(words[0], direct...) || c.program != "npm" && wanted(words[0]) {
		if oneOf(words[0], "t", "tst") {
			return "test", true
		}
		return taskName(words[0], wanted), true
	}
	return "", false
}

const makeFlags = " -C --directory -f --file --makefile -I -o -W -pl --projects -P -p -D -b -x -t --target "

func makeTargets(o options) []string {
	var targets []string
	for _, t := range o.operands {
		if !strings.Contains(t, "=") {
			targets = append(targets, t)
		}
	}
	return targets
}

// target finds the first target of a build tool with a wanted name, as in
// "make clean test" and "./gradlew :app:assembleDebug".
func target(c *call, wanted func(string) bool) (string, bool) {
	valued := makeFlags
	switch c.program {
	case "make", "gmake":
		valued = " -C --directory -f --file --makefile -I -o -W "
	}
	for _, t := range makeTargets(parseOptions(c.args[1:], valued)) {
		if wanted(t) {
			return taskName(t, wanted), true
		}
	}
	return "", false
}

// taskName is what may be told of the name of a script or target: all of it if
// it is made of common words, else only the word by which it was recognised.
// People give their own names to these.
func taskName(s string, wanted func(string) bool) string {
	s = lastName(s)
	common, known := len(s) <= 40, ""
	for part := range strings.FieldsFuncSeq(s, isSeparator) {
		if known == "" && wanted(part) {
			known = part
		}
		common = common && (wanted(part) && strings.ToLower(part) == part || oneOf(part, "unit", "integration", "int", "ci", "cov", "coverage", "watch", "race", "short", "fast", "slow", "smoke",
			"functional", "acceptance", "ui", "api", "web", "app", "server", "client", "backend", "frontend", "prod", "production", "dev", "staging", "debug", "release", "docker", "types", "lint", "run", "js", "ts", "css", "docs", "go", "py"))
	}
	if common && matches(s, ":-_/.", 40) {
		return s
	}
	for _, word := range [...]string{"test", "assemble", "compile", "build"} {
		if strings.HasPrefix(known, word) { // testDebug
			return word
		}
	}
	return known
}

func isSeparator(r rune) bool { return strings.ContainsRune(":-_/.", r) }

// lastName is the task within ":app:test".
func lastName(s string) string {
	if strings.HasPrefix(s, ":") {
		return s[strings.LastIndexByte(s, ':')+1:]
	}
	return s
}

// isTestName reports whether a script or target of that name runs tests:
// "test", "test:unit", "integration-tests", "e2e", ":app:testDebug", "check".
func isTestName(s string) bool {
	if len(s) > 60 {
		return false
	}
	for part := range strings.FieldsFuncSeq(lastName(s), isSeparator) {
		if oneOf(part, "test", "tests", "spec", "specs", "e2e", "check", "verify", "pytest", "jest", "vitest", "unittest") ||
			strings.HasPrefix(part, "test") && len(part) > 4 && 'A' <= part[4] && part[4] <= 'Z' {
			return true
		}
	}
	return false
}

// isBuildName is the same for builds: "build", "build:prod", "all", "package",
// ":app:assembleDebug".
func isBuildName(s string) bool {
	if len(s) > 60 {
		return false
	}
	for part := range strings.FieldsFuncSeq(lastName(s), isSeparator) {
		if oneOf(part, "build", "all", "compile", "package", "install", "dist", "bundle", "assemble", "image", "bin", "uberjar") ||
			strings.HasPrefix(part, "assemble") || strings.HasPrefix(part, "compile") || strings.HasPrefix(part, "build") && len(part) > 5 && 'A' <= part[5] && part[5] <= 'Z' {
			return true
		}
	}
	return false
}

// isTestFile reports whether a file of that name holds tests, by the habits of
// the languages that run their tests as a script.
func isTestFile(name string) bool {
	if !isStatic(name) {
		return false
	}
	base := path.Base(name)
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	switch ext {
	case ".py", ".rb", ".php", ".js", ".mjs", ".cjs", ".ts", ".t", ".pl", ".sh":
		return strings.HasPrefix(stem, "test_") || strings.HasSuffix(stem, "_test") || strings.HasSuffix(stem, ".test") ||
			strings.HasSuffix(stem, ".spec") || strings.HasSuffix(stem, "_spec") || stem == "test" || stem == "tests" || ext == ".t"
	}
	return false
}
