/*
 * What the scripts that make the build environment, QEMU and images say when a step
 * fails, and what they leave behind.
 *
 * Programs that they call are replaced by small ones first in PATH, which fail
 * as the real ones would.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

typedef struct {
    char *dir;      /* for all of the below */
    char *bin;      /* first in PATH */
    char *cache;
    int status;     /* of the last script */
    char *said;     /* by it, on both outputs */
} Place;

static void setup(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    /* not in /tmp, whose file system may be small */
    g_autofree char *template = g_build_filename(g_get_current_dir(), "failures-XXXXXX", NULL);

    place->dir = g_strdup(g_mkdtemp(template));
    g_assert_nonnull(place->dir);
    place->bin = g_build_filename(place->dir, "bin", NULL);
    place->cache = g_build_filename(place->dir, "cache", NULL);
    g_assert_cmpint(g_mkdir(place->bin, 0755), ==, 0);
    g_assert_cmpint(g_mkdir(place->cache, 0755), ==, 0);
}

static void teardown(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", place->dir);

    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(place->said);
    g_free(place->cache);
    g_free(place->bin);
    g_free(place->dir);
}

static void write_script(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\n%s\n", text);

    g_assert_true(g_file_set_contents(path, script, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0755), ==, 0);
}

/* A file system with so much room. */
static void fake_df(Place *place, unsigned mebibytes)
{
    g_autofree char *text = g_strdup_printf("echo header; echo fs 0 0 %u 0%% /", mebibytes * 1024);

    write_script(place->bin, "df", text);
}

static void run(Place *place, const char *script, const char *arguments)
{
    g_autofree char *path = g_build_filename(g_getenv("NVGRACE_TOP"), script, NULL);
    g_autofree char *command = g_strdup_printf(
        "unset NVGRACE_ENV NVGRACE_QEMU_SOURCE NVGRACE_OUTSIDE_TOP NVGRACE_OUTSIDE_CACHE;"
        " D='%s'; export D; export PATH='%s':\"$PATH\" NVGRACE_CACHE='%s' NVGRACE_STEPS='%s/steps'"
        " http_proxy=http://127.0.0.1:9; exec '%s' %s </dev/null 2>&1",
        place->dir, place->bin, place->cache, place->dir, path, arguments);
    const char *argv[] = { "sh", "-c", command, NULL };
    g_autoptr(GError) err = NULL;

    g_clear_pointer(&place->said, g_free);
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &place->said, NULL,
                 &place->status, &err);
    g_assert_no_error(err);
}

static void assert_fails(Place *place, int status, const char *const *patterns)
{
    g_test_message("%s", place->said);
    g_assert_true(WIFEXITED(place->status));
    g_assert_cmpint(WEXITSTATUS(place->status), ==, status);
    for (; *patterns; patterns++) {
        if (!g_regex_match_simple(*patterns, place->said, G_REGEX_MULTILINE, 0)) {
            g_error("it does not say '%s'", *patterns);
        }
    }
}
#define ASSERT_FAILS(place, status, ...) \
    assert_fails(place, status, (const char *[]) { __VA_ARGS__, NULL })

/* DIR has no file but those whose names match ALLOWED. */
static void assert_left(const char *dir, const char *allowed)
{
    g_autoptr(GDir) files = g_dir_open(dir, 0, NULL);
    const char *name;

    while (files && (name = g_dir_read_name(files))) {
        if (!allowed || !g_regex_match_simple(allowed, name, 0, 0)) {
            g_error("%s/%s is left", dir, name);
        }
    }
}

static void assert_no_step(Place *place)
{
    g_autofree char *steps = g_build_filename(place->dir, "steps", NULL);

    assert_left(steps, NULL);
}

/* ---- env/setup ---- */

static void test_no_room(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_df(place, 100);
    run(place, "env/setup", "");
    ASSERT_FAILS(place, 1, "^setup: error: the build environment needs 6000 MiB in .*/cache, which has 100 MiB free$",
                 "^setup: Free 5900 MiB there, or set XDG_CACHE_HOME to a larger file system\\.$");
    assert_left(place->cache, NULL);
}

static void test_no_archive(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_df(place, 10000);
    write_script(place->bin, "apt-get", "echo E: Unable to fetch >&2; exit 100");
    run(place, "env/setup", "");
    ASSERT_FAILS(place, 1, "^E: Unable to fetch$", "^setup: error: cannot download mmdebstrap",
                 "^setup: Check the network");
    assert_left(place->cache, "^(bootstrap|setup\\.lock)$");
}

/* apt-get and dpkg-deb that work, and an mmdebstrap that does what BODY says. */
static void fake_mmdebstrap(Place *place, const char *body)
{
    g_autofree char *perl = g_strdup_printf("for tmp; do case $tmp in *.partial) break;; esac; done;"
                                            " touch \"$tmp/file\"; %s", body);

    fake_df(place, 10000);
    write_script(place->bin, "apt-get", "case \"$*\" in *download*) touch mmdebstrap.deb ;; esac");
    write_script(place->bin, "dpkg-deb", "mkdir -p \"$3\"");
    write_script(place->bin, "perl", perl);
}

static void test_environment_fails(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_mmdebstrap(place, "echo E: apt-get failed; exit 1");
    run(place, "env/setup", "");
    ASSERT_FAILS(place, 1, "^E: apt-get failed$", "could not be made; the whole log is .*/bootstrap/log$",
                 "check the network and run again\\.$");
    assert_left(place->cache, "^(bootstrap|setup\\.lock)$");
    assert_no_step(place);
}

static void test_disk_fills(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_mmdebstrap(place, "echo tar: write error: No space left on device; exit 1");
    run(place, "env/setup", "");
    ASSERT_FAILS(place, 1, "^setup: error: the build environment could not be made",
                 "^setup: No space is left for .*/cache: free some there and run again\\.$");
    assert_left(place->cache, "^(bootstrap|setup\\.lock)$");
}

static void test_environment_interrupted(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_mmdebstrap(place, "kill -INT $PPID; exit 1");
    run(place, "env/setup", "");
    ASSERT_FAILS(place, 130, "^setup: interrupted; the next run starts this step again$");
    assert_left(place->cache, "^(bootstrap|setup\\.lock)$");
    assert_no_step(place);
}

/* ---- scripts/qemu-source ---- */

static void test_no_tarball(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *downloads = g_build_filename(place->cache, "downloads", NULL);

    fake_df(place, 10000);
    run(place, "scripts/qemu-source", "");
    ASSERT_FAILS(place, 1, "^qemu-source: error: cannot fetch qemu_.*\\.tar\\.xz from the package archive$",
                 "^qemu-source: Check the network and run again, or put that file into .*/downloads yourself\\.$");
    assert_left(downloads, "^log$");
    assert_left(place->cache, "^(downloads|qemu-source\\.lock)$");
    assert_no_step(place);
}

static void test_wrong_tarball(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_df(place, 10000);
    run(place, "scripts/qemu-source", "");      /* for the name of the tarball */
    g_autofree char *name = g_strdup(strstr(place->said, "cannot fetch ") + strlen("cannot fetch "));
    *strchr(name, ' ') = 0;
    g_autofree char *file = g_build_filename(place->cache, "downloads", name, NULL);
    g_assert_true(g_file_set_contents(file, "half", -1, NULL));
    run(place, "scripts/qemu-source", "");
    ASSERT_FAILS(place, 1, "has not the checksum [0-9a-f]{64}$", "^qemu-source: Delete it and run again\\.$");

    /* the right one, and no room for what is in it */
    g_autofree char *sum = g_strdup(strstr(place->said, "checksum ") + strlen("checksum "));
    sum[64] = 0;
    g_autofree char *text = g_strdup_printf("echo %s -", sum);
    write_script(place->bin, "sha256sum", text);
    write_script(place->bin, "tar", "touch \"$2/file\"; echo tar: No space left on device >&2; exit 2");
    run(place, "scripts/qemu-source", "");
    ASSERT_FAILS(place, 1, "^qemu-source: error: cannot unpack .*/downloads/qemu_",
                 "^qemu-source: Free some space in .*/cache and run again\\.$");
    assert_left(place->cache, "^(downloads|qemu-source\\.lock)$");
    assert_no_step(place);
}

/* ---- scripts/qemu-build ---- */

static void fake_configure(Place *place, const char *body)
{
    g_autofree char *tree = g_build_filename(place->dir, "tree", NULL);

    g_assert_cmpint(g_mkdir_with_parents(tree, 0755), ==, 0);
    write_script(tree, "configure", body);
}

static void run_build(Place *place)
{
    g_autofree char *arguments = g_strdup_printf("native '%s/tree' '%s/build'", place->dir, place->dir);

    run(place, "scripts/qemu-build", arguments);
    assert_no_step(place);
}

static void test_configure_fails(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_configure(place, "echo ERROR: no glib; exit 1");
    run_build(place);
    ASSERT_FAILS(place, 1, "^ERROR: no glib$", "^qemu-build: error: QEMU's configure failed \\(native\\)",
                 "^qemu-build: Run again; make clean starts from scratch\\.$");
}

static void test_build_fails(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_configure(place, "cat >build.ninja <<'X'\n"
                   "rule r\n command = $$D/compiler\nbuild all: r\nX");
    write_script(place->dir, "compiler", "echo error: wrong; exit 1");
    run_build(place);
    ASSERT_FAILS(place, 1, "^error: wrong$", "^qemu-build: error: QEMU does not build \\(native\\)",
                 "^qemu-build: Mend what the lines above name and run again\\.$");
    write_script(place->dir, "compiler", "echo error: No space left on device; exit 1");
    run_build(place);
    ASSERT_FAILS(place, 1, "^qemu-build: No space is left for .*: free some there and run again\\.$");
}

/* ---- scripts/libvirt-image ---- */

static void run_image(Place *place)
{
    g_autofree char *arguments = g_strdup_printf("forky '%s/image'", place->dir);

    run(place, "scripts/libvirt-image", arguments);
}

/* apt-get that fails when BODY says so, for arm64's packages */
static void fake_archive(Place *place, const char *body)
{
    g_autofree char *text = g_strdup_printf("case \"$*\" in *Architecture=arm64*) %s ;; esac", body);

    fake_df(place, 10000);
    write_script(place->bin, "apt-get", text);
    write_script(place->bin, "proot", "");
    write_script(place->bin, "mke2fs", "");
}

static void test_image_no_archive(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_df(place, 10000);
    write_script(place->bin, "apt-get", "echo E: Unable to fetch; exit 100");
    run_image(place);
    ASSERT_FAILS(place, 1, "^E: Unable to fetch$", "^libvirt-image: error: the package archive cannot be reached",
                 "^libvirt-image: Check the network and run again\\.$");
    assert_left(place->cache, "^libvirt-forky\\.lock$");
    assert_no_step(place);
}

static void test_image_no_package(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_archive(place, "case \"$*\" in *install*) echo E: Unable to locate package mdevctl; exit 100 ;; esac");
    run_image(place);
    ASSERT_FAILS(place, 1, "^E: Unable to locate package mdevctl$",
                 "^libvirt-image: error: not all packages of scripts/libvirt-packages can be fetched from forky",
                 "^libvirt-image: If the log names one that forky does not have, change the list");
    assert_left(place->cache, "^libvirt-forky\\.lock$");
    assert_no_step(place);
}

static void test_image_broken_package(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    fake_archive(place, "case \"$*\" in *install*) touch \"$(echo \"$*\" | sed 's/.*archives=\\([^ ]*\\).*/\\1/')/broken.deb\" ;; esac");
    write_script(place->bin, "dpkg-deb", "echo dpkg-deb: no archive; exit 2");
    run_image(place);
    ASSERT_FAILS(place, 1, "^dpkg-deb: no archive$", "^libvirt-image: error: cannot unpack broken\\.deb",
                 "^libvirt-image: Run again: it is fetched anew\\.$");
    assert_left(place->cache, "^libvirt-forky\\.lock$");
    assert_no_step(place);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/failures/" path, Place, NULL, setup, func, teardown)
    ADD("environment/no-room", test_no_room);
    ADD("environment/no-archive", test_no_archive);
    ADD("environment/fails", test_environment_fails);
    ADD("environment/disk-fills", test_disk_fills);
    ADD("environment/interrupted", test_environment_interrupted);
    ADD("qemu-source/no-tarball", test_no_tarball);
    ADD("qemu-source/wrong-tarball", test_wrong_tarball);
    ADD("qemu-build/configure", test_configure_fails);
    ADD("qemu-build/build", test_build_fails);
    ADD("libvirt-image/no-archive", test_image_no_archive);
    ADD("libvirt-image/no-package", test_image_no_package);
    ADD("libvirt-image/broken-package", test_image_broken_package);
    return g_test_run();
}
