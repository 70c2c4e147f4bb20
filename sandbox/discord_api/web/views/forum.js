/** A forum: its posts with their tags, the newest first. A post is a thread; the box below begins one. */

import { CHANNEL } from "../core/store.js";
import { h, icon } from "../core/dom.js";

/** Posts drawn at once. */
const POSTS_SHOWN = 50;

/** @returns {HTMLElement[]} the list of the posts in a forum */
export function forumPosts(forum, ctx) {
  const { store } = ctx;
  const posts = (store.guildOf(forum.id)?.channels ?? []).filter((each) => each.parent_id === forum.id && CHANNEL.THREADS.includes(each.type));
  posts.sort((a, b) => Number(BigInt(b.id) - BigInt(a.id)));
  if (!posts.length) return [h("p", {}, "There are no posts yet. Write one below: the first line is its title.")];
  return [h("ul.forum-posts", { role: "list" }, ...posts.slice(0, POSTS_SHOWN).map((post) => h("li", {}, card(post, forum, ctx))))];
}

/** What the box below a forum says: a title on the first line, the post after it. */
export function postOf(content) {
  const [title, ...rest] = content.split("\n");
  return { title: title.trim().slice(0, 100), content: rest.join("\n").trim() || title.trim() };
}

function card(post, forum, ctx) {
  const names = (post.applied_tags ?? []).map((id) => forum.available_tags?.find((tag) => tag.id === id)?.name).filter(Boolean);
  const replies = post.message_count ?? 0;
  return h("button.thread-card.forum-post", { type: "button", "data-key": post.id, onclick: () => ctx.selectChannel(post.id) },
    icon("thread"), h("strong", {}, post.name), ...names.map((name) => h("span.forum-tag", {}, name)),
    h("span", {}, `${ctx.store.displayName(post.owner_id)} · ${replies} ${replies === 1 ? "reply" : "replies"} ›`));
}
