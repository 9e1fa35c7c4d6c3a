/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several threads of one process read and write a region at once.  The exporter
 * keeps a part of it mapped for that, and another part in its place when
 * somebody wants that: none may find the other's.
 */
#include "agent.h"
#include "host-agent.h"
#include "pattern.h"
#include "scenario.h"

#define THREADS 4u
#define ROUNDS 500u
#define PLACES 4u		/* in each of the regions, at most */
#define STEP (1ull << 30)	/* from one to the next: what is kept mapped */
#define PIECE (64ul << 10)	/* what is used of each, for each thread */
#define SEED 80u

struct reader {
	const struct vfio_client *client;
	const struct vfio_client_region *region;
	guint places;
	guint number;
	gboolean apart;		/* elsewhere each time, and not where the others are */
	gboolean write;		/* first, a piece of its own */
	guint done, wrong;
};

static gpointer reader(gpointer opaque)
{
	struct reader *me = opaque;
	g_autoptr(GRand) random = g_rand_new_with_seed(me->number);

	for (guint i = 0; i < ROUNDS; i++) {
		guint place = me->apart ? (me->number + i) % me->places : 0;
		gsize length = g_rand_int_range(random, 1, 1 << g_rand_int_range(random, 1, 16));
		guint64 at = place * STEP + (me->write ? me->number * PIECE : 0) +
			     g_rand_int_range(random, 0, PIECE - length);
		guint64 seed = me->write ? SEED + 1 + i : SEED;
		gboolean ok = (!me->write ||
			       write_pattern(me->client, me->region, at, length, seed)) &&
			      read_pattern(me->client, me->region, at, length, seed);

		me->done++;
		me->wrong += !ok;
	}
	return NULL;
}

static void check_together(const char *name, const struct vfio_client *client,
			   const struct vfio_client_region *region, gboolean apart,
			   gboolean write)
{
	struct reader readers[THREADS];
	GThread *threads[THREADS];
	guint places = MIN(PLACES, (region->size - THREADS * PIECE) / STEP + 1);
	gboolean filled = places > 1;
	guint done = 0, wrong = 0;

	for (guint i = 0; i < places; i++)
		filled = filled && write_pattern(client, region, i * STEP, PIECE, SEED);
	for (guint i = 0; i < THREADS; i++) {
		readers[i] = (struct reader){
			.client = client, .region = region, .places = places, .number = i,
			.apart = apart, .write = write,
		};
		threads[i] = g_thread_new("reader", reader, &readers[i]);
	}
	for (guint i = 0; i < THREADS; i++) {
		g_thread_join(threads[i]);
		done += readers[i].done;
		wrong += readers[i].wrong;
	}
	report_check(name, filled && done == THREADS * ROUNDS && !wrong,
		     "%u threads, %u places, %u rounds in all, %u wrong", THREADS, places, done,
		     wrong);
}

void scenario_parallel(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions))
		return;
	agent_watchdog("threads that read at once", 120);
	check_together("parallel-same", &client, &regions.usemem, FALSE, FALSE);
	check_together("parallel-apart", &client, &regions.usemem, TRUE, FALSE);
	check_together("parallel-write", &client, &regions.usemem, TRUE, TRUE);
	check_together("parallel-resmem", &client, &regions.resmem, TRUE, TRUE);
	agent_watchdog("threads that read at once", 0);
	vfio_client_close(&client);
	report_stage("parallel");
}
