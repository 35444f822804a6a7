/**
 * Messages in three scripts, as people's are for a text index: words by Zipf's law, a few in every message and very many
 * in hardly any, made up of syllables; Chinese out of real words, since they are what a segmenter knows.
 */
import { createRandom } from "../load/schedule.ts";

export type Language = "latin" | "cyrillic" | "chinese";

export interface GeneratedText {
  language: Language;
  /** As they stand in the text; of Chinese without spaces between them. */
  words: Word[];
  text: string;
}

export interface Word {
  text: string;
  /** 0 is the most frequent one. */
  rank: number;
}

const latin =
  "ba be bi bo bu da de di do du fa fe fi ga ge go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa se si so ta te ti to va ve vi zu";
const cyrillic =
  "ба ве ви го да де до жа зе зи ка ко ла ле ли ло ма ме ми мо на не ни но па пе по пу ра ре ри ро са се си со та те ти то ту фа хо ца че чу ша ще ыр ют";
const chineseWords =
  "我们 今天 明天 会议 时间 工作 项目 报告 问题 公司 客户 产品 市场 计划 开始 结束 上午 下午 晚上 地方 朋友 学校 老师 学生 电话 电脑 手机 文件 邮件 密码 服务 系统 数据 消息 信息 城市 北京 上海 飞机 火车 汽车 天气 健康 医院 医生 音乐 电影 新闻 经济 政府 社会 文化 历史 科学 技术 研究 发展 管理 生产 质量 价格 合同 银行 现金 房子 家庭 孩子 父母 早饭 午饭 晚饭 咖啡 水果 蔬菜 颜色 衣服 鞋子 运动 足球 篮球 比赛 冠军 旅游 酒店 护照 签证 机场 车站 地铁 司机 警察 法律 律师 图书馆 大学 办公室 经理 同事 工程师 设计 测试 版本 更新 错误".split(
    " ",
  );
const sizes = { latin: 150_000, cyrillic: 100_000 };
/** Primes: words of neighbouring ranks have nothing in common. */
const spread = { latin: 2_654_435_761, cyrillic: 2_246_822_519 };
const syllables = { latin: latin.split(" "), cyrillic: cyrillic.split(" ") };

export function createTextSource(seed: number): () => GeneratedText {
  const random = createRandom(seed);
  /** Zipf: how often a rank comes is in inverse proportion to it. */
  const rankBelow = (size: number) => Math.floor(size ** random()) - 1;
  const lengthOf = (mean: number) => 1 + Math.floor(-Math.log(1 - random()) * (mean - 1));
  return () => {
    const dice = random();
    const language = dice < 0.55 ? "latin" : dice < 0.85 ? "cyrillic" : "chinese";
    if (language === "chinese") {
      const words = Array.from({ length: Math.min(lengthOf(8), 60) }, () =>
        chineseWord(rankBelow(chineseWords.length)),
      );
      return { language, words, text: words.map(({ text }) => text).join("") };
    }
    const words = Array.from({ length: Math.min(lengthOf(12), 120) }, () =>
      wordOf(language, rankBelow(sizes[language])),
    );
    return { language, words, text: words.map(({ text }) => text).join(" ") };
  };
}

const chineseWord = (rank: number): Word => ({ text: chineseWords[rank]!, rank });

/** Frequent words are short. The others are spread thinly over all that syllables make, as those of a language are. */
function wordOf(language: "latin" | "cyrillic", rank: number): Word {
  const from = syllables[language];
  const count = rank < 40 ? 1 : rank < 1_500 ? 2 : 4;
  let code = count < 4 ? rank : Math.imul(rank, spread[language] | 0) >>> 0;
  let text = "";
  for (let nth = 0; nth < count; nth++) {
    text += from[code % from.length];
    code = Math.floor(code / from.length);
  }
  return { text, rank };
}
