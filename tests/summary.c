/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * summary JUNIT.XML: the closing line of a test run, from the file that meson
 * writes.  A test program that dies before it has said anything counts as one
 * failed test.
 */
#include <glib.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>

static guint count(xmlXPathContext *context, const char *expression)
{
	xmlXPathObject *object = xmlXPathEval(BAD_CAST expression, context);
	guint n;

	if (!object || object->type != XPATH_NUMBER)
		g_error("summary: cannot evaluate %s", expression);
	n = object->floatval;
	xmlXPathFreeObject(object);
	return n;
}

int main(int argc, char **argv)
{
	xmlXPathContext *context;
	guint all, failed, skipped, silent;
	xmlDoc *doc;

	if (argc != 2) {
		fprintf(stderr, "Usage: summary JUNIT.XML\n");
		return 2;
	}
	doc = xmlReadFile(argv[1], NULL, 0);
	if (!doc)
		return 1;
	context = xmlXPathNewContext(doc);
	all = count(context, "count(//testcase)");
	failed = count(context, "count(//testcase[failure or error])");
	skipped = count(context, "count(//testcase[skipped])");
	silent = count(context, "count(//testsuite[not(testcase) or "
				"((@errors > 0 or @failures > 0) and not(testcase[failure or error]))])");
	printf("%u passed, %u failed, %u skipped\n", all - failed - skipped, failed + silent,
	       skipped);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return 0;
}
